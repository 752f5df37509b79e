"""The name of an image as pods have it."""

from upgraph.oci import Repository, parse_image_name


def is_pull_spec(text: str) -> bool:
    """Whether nodes can pull an image by this text: an image in a registry, without a transport in front.

    Raises:
        UserError: it is no name of an image at all.
    """
    return isinstance(parse_image_name(text).place, Repository) and "://" not in text
