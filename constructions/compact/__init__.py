"""A small 1-Lipschitz classifier and one ReLU for each image that it leaves: the smallest certified memorizers, l_2."""
