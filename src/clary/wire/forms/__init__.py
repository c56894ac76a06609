"""How values are written: JSON, CBOR, XML and form fields.

Each form compiles a shape into a reader (what arrived -> members as AWS spells them) or a writer (the way back). Both
know nothing of HTTP. `known` is where structures that are already compiled stand, by name (models.known), so that a
recursive shape ends.
"""
