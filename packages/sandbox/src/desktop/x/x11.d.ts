/** The package `x11` has no types of its own. The declarations that are published name it nowhere, as it is bundled. */
declare module "x11" {
  const x11: import("./protocol.ts").X11;
  export default x11;
}
