#!/usr/bin/env python3
"""Deliberate breaches, to see that check_layers.py bites, and what is legal, to see that it does not."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import check_layers  # noqa: E402

LAYERS = """
0   common/base
1   common/env      common/base
2   common/record   common/base
3   controller      common/base
6   broker/api      common/base common/record controller/service.h
7   broker          *
top common/testing  common/base common/env
top cli             *
refuse steady_clock::now std::thread sleep_for ::open
except common/record/legacy.cc sleep_for: a reason
"""


class CheckLayers(unittest.TestCase):
    def check(self, path, text, layers=LAYERS):
        with tempfile.TemporaryDirectory() as root:
            for name, content in (("docs/layers.txt", layers), (path, text)):
                os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(content)
            return check_layers.check(root)[1]

    def refused(self, path, text):
        errors = self.check(path, text)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(path, errors[0])

    def legal(self, path, text):
        self.assertEqual(self.check(path, text), [])

    def test_includes(self):
        self.legal("common/record/a.cc", '#include "common/base/b.h"\n#include <vector>\n')
        self.refused("common/base/a.h", '#include "common/record/b.h"\n')
        self.refused("common/record/a.cc", '#include "common/env/clock.h"\n')
        self.refused("common/record/a.cc", "#include <common/env/clock.h>\n")
        self.refused("common/record/a.cc", '#include "b.h"\n')

    def test_one_header_of_a_folder(self):
        self.legal("broker/api/a.cc", '#include "controller/service.h"\n')
        self.refused("broker/api/a.cc", '#include "controller/model.h"\n')

    def test_only_tests_see_the_fakes(self):
        self.legal("common/record/a_test.cc", '#include "common/testing/fake.h"\n')
        self.refused("common/record/a.cc", '#include "common/testing/fake.h"\n')
        self.refused("broker/a.cc", '#include "common/testing/fake.h"\n')

    def test_nobody_includes_what_is_on_top(self):
        self.legal("cli/a.cc", '#include "broker/api/b.h"\n')
        self.refused("broker/a.cc", '#include "cli/b.h"\n')

    def test_folders_are_known(self):
        self.refused("broker/newcomer/a.cc", "")
        self.legal("common/record/part/a.cc", '#include "common/record/part/b.h"\n')

    def test_the_world(self):
        self.refused("common/record/a.cc", "int f = ::open(path, 0);\n")
        self.refused("common/record/a.cc", "std::thread worker;\n")
        self.refused("broker/a.cc", "auto t = std::chrono::steady_clock::now();\n")
        self.legal("common/env/a.cc", "std::thread worker;\n")
        self.legal("broker/main.cc", "std::thread worker;\n")
        self.legal("common/record/a_test.cc", "std::thread worker;\n")
        self.legal("cli/a.cc", "std::thread worker;\n")
        self.legal("common/record/legacy.cc", "sleep_for(1ms);\n")

    def test_what_only_looks_like_it(self):
        self.legal("common/record/a.cc", "Log::open(x); std::thread::id id; // std::thread\n")
        self.legal("common/record/a.cc", 'auto text = "std::thread"; /* sleep_for\n */\n')

    def test_the_table_itself(self):
        self.assertEqual(len(self.check("docs/x.md", "", LAYERS + "1 common/late common/record\n")), 2)


if __name__ == "__main__":
    unittest.main()
