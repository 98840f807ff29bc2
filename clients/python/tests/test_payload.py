import decimal
import unittest

from crucible_queue.payload import members_of, parts_of, read_json


class PayloadTest(unittest.TestCase):
    def test_reads_numbers_that_python_types_cannot_hold(self):
        digits = "9" * 5000
        whole, fraction, beyond, plain = read_json(f"[{digits}, 1e400, 1e99999999999999999999, 1.5]".encode())
        self.assertEqual(whole, decimal.Decimal(digits))
        self.assertEqual(fraction, decimal.Decimal("1e400"))
        self.assertEqual(beyond, "1e99999999999999999999")
        self.assertEqual(plain, 1.5)

    def test_refuses_what_is_not_json(self):
        for text in (b"", b"NaN", b"[Infinity]", b'{"half', b"<html>", b"\xff"):
            with self.assertRaises(ValueError):
                read_json(text)

    def test_takes_a_document_apart_without_parsing_it(self):
        text = b' {"a\\"]": [1, {"b": "}"}], "c": {} , "d": "x:,"} '
        self.assertEqual(parts_of(text), {'a"]': b'[1, {"b": "}"}]', "c": b"{}", "d": b'"x:,"'})
        self.assertEqual([value for _, value in members_of(b"[1, [2, 3], {}]")], [b"1", b"[2, 3]", b"{}"])
        self.assertEqual(members_of(b"[]"), [])
        deep = b"[" * 100_000 + b"]" * 100_000
        self.assertEqual(len(members_of(deep)), 1)

    def test_refuses_a_document_that_is_cut_off(self):
        for text in (b'{"tasks": [{"eval_id": "a"}', b"[1, 2", b"", b"null", b"[1] 2"):
            with self.assertRaises(ValueError):
                members_of(text)


if __name__ == "__main__":
    unittest.main()
