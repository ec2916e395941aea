"""How far a model can be trusted: figures with their intervals, as data, text and plots."""
