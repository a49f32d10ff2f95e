"""`archstyle predict`: any number of photos, answered on all cores in little memory."""
