"""What only FashionGAN needs."""
