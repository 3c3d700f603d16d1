"""The service of ``raz serve``: images in by HTTP, the JSON of ``raz predict --json`` out.

:mod:`raz.serve.app` puts it together. Nothing is imported here: FastAPI and what it needs are an
extra (``serve``).
"""
