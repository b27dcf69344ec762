-- Id of a piece of evidence that is no event: the hash of what tells it from others.
--
-- Args:
--   parts VARCHAR[]: the texts that tell it apart; NULL among them counts as the text None.
-- Returns: VARCHAR, 'evidence-' and 24 hexadecimal digits.
-- Calls: prim.json_ascii, prim.sha256_hex
-- Source: docs/concepts.md#correlation.
CREATE OR REPLACE MACRO projection.evidence_id(parts) AS
    (concat(
        'evidence-',
        left(
            prim.sha256_hex(
                concat('[', array_to_string(list_transform(parts, lambda p_: prim.json_ascii(coalesce(p_, 'None'))), ', '), ']')
            ),
            24
        )
    ));

-- Tests
SELECT assert_equals('evidence-93e7929bbc4a2006f94a8e8f', projection.evidence_id(['alert', 's', NULL]));
