"""Why a model is as sure of a label as it is: evidence for a label by place and depth, exact, drawn and in words.

:mod:`~decisight.explaining.explainer` computes an :mod:`~decisight.explaining.explanation`: from the heads that
:mod:`~decisight.explaining.head_graph` finds in a model file, by what :mod:`~decisight.explaining.attribution` makes of
them, laid where :mod:`~decisight.explaining.geometry` says.
"""
