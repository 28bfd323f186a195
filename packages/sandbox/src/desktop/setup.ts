import type { Route } from "../http/router.ts";
import { Desktop, type DesktopOptions } from "./desktop.ts";
import { DesktopRoutes } from "./routes.ts";

/** The desktop of a server with its routes. */
export interface DesktopPart {
  readonly desktop: Desktop;
  readonly routes: readonly Route[];
}

export function createDesktop(options: DesktopOptions): DesktopPart {
  const desktop = new Desktop(options);
  return { desktop, routes: new DesktopRoutes(desktop, options.limits).routes() };
}
