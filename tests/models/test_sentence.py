"""The sentence encoder against its recurrence written out."""

import torch

from espalier.models.fashiongan.sentence import SentenceEncoder, padded


def test_a_code_is_the_last_state_of_a_plain_tanh_recurrence_whatever_it_is_padded_with() -> None:
    torch.manual_seed(0)
    encoder = SentenceEncoder(words=7, width=5, layers=2, heads={"colour": 3})
    sentences = [[1, 4, 0], [7, 2, 2, 6, 3]]
    codes = encoder(*padded(sentences))
    weights = dict(encoder.rnn.named_parameters())
    for sentence, code in zip(sentences, codes, strict=True):
        states = [torch.zeros(5), torch.zeros(5)]
        for word in sentence:
            below = torch.eye(8)[word]
            for layer in range(2):
                own = weights[f"weight_ih_l{layer}"] @ below + weights[f"bias_ih_l{layer}"]
                past = weights[f"weight_hh_l{layer}"] @ states[layer] + weights[f"bias_hh_l{layer}"]
                states[layer] = below = torch.tanh(own + past)
        torch.testing.assert_close(code, states[1])
    assert encoder.attributes(codes)["colour"].shape == (2, 3)


def test_the_released_sizes_have_the_parameters_counted_by_hand() -> None:
    heads = {"category": 19, "colour": 17, "gender": 2, "sleeve": 4}
    encoder = SentenceEncoder(words=538, width=100, layers=2, heads=heads)  # 539 words with the unknown one
    first, second = 539 * 100 + 100 * 100 + 200, 2 * 100 * 100 + 200
    assert sum(p.numel() for p in encoder.parameters()) == first + second + 42 * 101
