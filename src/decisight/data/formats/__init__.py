"""One module a format of labelled pictures; each reads into a :class:`~decisight.data.records.Table`."""
