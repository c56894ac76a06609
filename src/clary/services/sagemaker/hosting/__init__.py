"""Hosting: what makes endpoints serve. Begin with controller.py; the data plane (serving/) does the rest."""
