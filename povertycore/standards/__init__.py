"""Who is poor: dated poverty standards as data, and the classes that follow from them."""
