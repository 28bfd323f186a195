/**
 * The demo team behind `holdfast start --demo-team`: a GitHub of its own on loopback with two people, two repositories and
 * three open pull requests. Checks run for real, in jails, and the second person reviews. Plans are paid at a Stripe of its own.
 */
export { DemoForge, type DemoForgeOptions } from "./forge.ts";
export { DemoPayments, plans } from "./payments.ts";
export { people, suggestions } from "./people.ts";
