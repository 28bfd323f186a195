/** The package has no types. The declarations that are published name it nowhere, as it is bundled. */
declare module "x11" {
  const x11: unknown;
  export default x11;
}
