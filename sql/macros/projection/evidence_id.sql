-- Id of a piece of evidence that is no event: the hash of what tells it from others.
--
-- Args:
--   parts VARCHAR[]: the texts that tell it apart; NULL among them counts as the text None.
-- Returns: VARCHAR, 'evidence-' and 24 hexadecimal digits.
-- Calls: prim.short_hash_of_texts
-- Source: docs/concepts.md#correlation.
CREATE OR REPLACE MACRO projection.evidence_id(parts) AS
    (concat('evidence-', prim.short_hash_of_texts(parts)));

-- Tests
SELECT assert_equals('evidence-93e7929bbc4a2006f94a8e8f', projection.evidence_id(['alert', 's', NULL]));
SELECT assert_equals('evidence-cd86d26efb05d3d1f0881940', projection.evidence_id(['é', 'say "x"']));
SELECT assert_equals('evidence-79b2a602ceb42ef0c50814dc', projection.evidence_id(['one']));
