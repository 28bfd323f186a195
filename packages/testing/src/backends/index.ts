/** Registries of tests on the store that HOLDFAST_TEST_STORE selects: SQLite, or three nodes over PostgreSQL. */
export { actorsOf, storedRegistry, type TestActors, testRegistry } from "./registries.ts";
export { gatewayEnvironment, TestCluster } from "./test-cluster.ts";
export { embeddedOnly, testStore } from "./test-store.ts";
