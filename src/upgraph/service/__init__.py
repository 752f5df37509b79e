"""The running update service: sources become a snapshot of prepared answers, and those become HTTP.

It has two processes, and a folder for each. The building one (:mod:`upgraph.service.building`) reads
sources, builds graphs and writes snapshots; the serving one (:mod:`upgraph.service.running`) maps the
snapshot in force and answers (:mod:`upgraph.service.answering`). Here lies what both share: the
configuration, the snapshot, what they tell each other, the log. Beside both stands :mod:`upgraph.service.doctor`,
which takes the same steps one by one to find out why they fail. What decides what a graph is lives in
:mod:`upgraph.graph`, what reads an image in :mod:`upgraph.payload`.
"""

__all__: list[str] = []
