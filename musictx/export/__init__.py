"""Models for other hosts.

=============  ==========================================================
`web_model`    one file that the browser's engine plays (``musictx site``)
=============  ==========================================================
"""
