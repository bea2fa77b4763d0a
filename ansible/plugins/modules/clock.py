#!/usr/bin/python
# What it does, it does on the machine that runs the playbook: plugins/action/clock.py.
DOCUMENTATION = r"""
module: clock
short_description: Tells how far a host's clock is ahead
description: [Compared with the clock of the machine that runs the playbook. Changes nothing.]
author: The Ottla authors
options:
  attempts: {description: How often it is asked; the quickest answer counts, type: int, default: 3}
"""
EXAMPLES = r"""
- name: The clock is compared
  ottla.cluster.clock:
"""
RETURN = r"""
ahead: {description: "Seconds, less than 0 when it is behind", type: float, returned: always}
error: {description: How wrong that may be, type: float, returned: always}
"""
