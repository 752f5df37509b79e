"""The site bundle: everything an update service serves, in one directory or archive that crosses the gap.

It holds releases as a saved scrape, graph data, signatures, and on request the images as an OCI layout, with a
manifest of the digest and size of every file. What is served was compared with the manifest before, so a copy
that was cut off, mixed with another one or damaged is seen as what it is.

The manifest proves that nothing got lost on the way, not who made the bundle. Whoever needs that compares
the digest of the bundle, which :mod:`create <upgraph.service.bundle.create>` prints, over another way.
"""

from upgraph.service.bundle.create import Parts, write_bundle
from upgraph.service.bundle.reading import BundleSource, Content, Report, check_bundle

__all__ = ["BundleSource", "Content", "Parts", "Report", "check_bundle", "write_bundle"]
