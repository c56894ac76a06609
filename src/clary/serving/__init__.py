"""The data plane: where endpoints are invoked. A process of its own (plane.py), which knows what the routing table says
(store/routes.py), speaks with the models' containers, and answers while the rest of Clary is away.

One invocation: server.py reads it, door.py says who asks and whether they may, endpoints.py which replica answers,
invocation.py takes it there and back. frames.py and web.py are the two languages that containers speak.
"""
