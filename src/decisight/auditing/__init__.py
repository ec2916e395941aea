"""Data audit: what is wrong with labelled pictures before anything is learnt from them."""
