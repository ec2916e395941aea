"""Pages for people: each builds itself into the page at hand, alone for one command or within a console."""
