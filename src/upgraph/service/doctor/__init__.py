"""Finds out why a service cannot read its sources: every step towards each of them, tried one after the other.

It enters with the configuration of the service and its environment, reaches others exactly as the service does, and
shows a login nowhere that the service would not. It leaves checks: what was seen, why that matters, what mends it
and what shows that it is mended. It changes nothing.
"""

from upgraph.service.doctor.check import Check, Result
from upgraph.service.doctor.examination import examine
from upgraph.service.doctor.one_image import examine_image
from upgraph.service.doctor.report import Diagnosis, diagnosis_of

__all__ = ["Check", "Diagnosis", "Result", "diagnosis_of", "examine", "examine_image"]
