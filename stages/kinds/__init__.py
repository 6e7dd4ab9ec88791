"""What is learned: images, points, maps; batches and sheets of them."""
