"""Models: backbones, heads, the model file, and the classifier that they make."""
