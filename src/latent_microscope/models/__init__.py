"""Networks: the variational autoencoders, PhilNet and ImageNet networks, and what they compute."""
