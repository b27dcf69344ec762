-- Kind of device that an event describes.
--
-- Args:
--   backend VARCHAR: metadata.backend, trimmed and lower case, NULL when absent or not text.
--   collector VARCHAR: as written.
--   device_id BIGINT: as written, -1 for no device.
-- Returns: VARCHAR
-- Source: docs/concepts.md#projection.
CREATE OR REPLACE MACRO projection.source_kind(backend, collector, device_id) AS
    (CASE
        WHEN backend IN ('cpu', 'cuda', 'rocm', 'mps', 'tensorflow') THEN backend
        WHEN contains(lower(collector), 'cuda') THEN 'cuda'
        WHEN contains(lower(collector), 'rocm') THEN 'rocm'
        WHEN contains(lower(collector), 'mps') THEN 'mps'
        WHEN contains(lower(collector), 'cpu') THEN 'cpu'
        WHEN contains(lower(collector), 'tensorflow') THEN 'tensorflow'
        WHEN device_id >= 0 THEN 'gpu'
        ELSE 'other'
    END);

-- Tests
SELECT assert_equals('rocm', projection.source_kind('rocm', 'stormlog.cuda_tracker', 0));
SELECT assert_equals('mps', projection.source_kind('vulkan', 'COMPSOMETHING', 0));
SELECT assert_equals('gpu', projection.source_kind('jax', 'stormlog.jax', 0));
SELECT assert_equals('other', projection.source_kind(NULL, 'x', -1));
