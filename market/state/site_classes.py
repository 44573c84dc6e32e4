"""The classes of sites, beside those of machines that the books name; a unit is a MW."""

SITE = "SITE"  # power is connected, no hall stands
HALL = "HALL"  # finished or paid for
