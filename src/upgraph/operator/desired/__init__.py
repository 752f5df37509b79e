"""What an UpdateService becomes: from inputs to objects of the API, without asking anybody.

Objects hold the fields that are ours and no others; what else stands in them is left to whoever put it there.
"""

from upgraph.operator.desired.plan import Plan, plan_of

__all__ = ["Plan", "plan_of"]
