"""Policies: from confidences to a business state. Pure arithmetic, without clock or I/O."""
