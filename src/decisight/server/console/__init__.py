"""Pages for people, each a function that builds it into the page at hand: alone for one command, or within a console."""
