"""How far a host's clock is ahead of that of the machine that runs the playbook: asked over the connection that there is,
without a module's start, several times; the quickest answer is the best."""

import time

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        answers = []
        for _attempt in range(int(self._task.args.get("attempts", 3))):
            before = time.time()
            told = self._low_level_execute_command("date +%s.%N", sudoable=False)
            after = time.time()
            try:
                answers.append((after - before, float(told["stdout"].split()[-1]) - (before + after) / 2))
            except (ValueError, IndexError):
                result.update(failed=True, msg="date says: %s" % (told.get("stderr") or told["stdout"]))
                return result
        round_trip, ahead = min(answers)
        result.update(changed=False, ahead=ahead, error=round_trip / 2)
        return result
