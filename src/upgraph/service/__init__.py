"""The running update service: sources become a snapshot of prepared answers, and those become HTTP.

Two processes live here. The building one (:mod:`upgraph.service.building`) reads sources, builds graphs and
writes snapshots. The serving one (:mod:`upgraph.service.running`) maps the snapshot in force and answers.
What decides what a graph is lives in :mod:`upgraph.graph`, what reads an image in :mod:`upgraph.payload`.
"""

__all__: list[str] = []
