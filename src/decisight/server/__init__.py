"""What Decisight serves on the machine it runs on: pages for people (NiceGUI), with ``decisight[console]``."""
