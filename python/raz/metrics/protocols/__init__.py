"""The protocols, one module each; :mod:`raz.metrics.registry` is their index."""
