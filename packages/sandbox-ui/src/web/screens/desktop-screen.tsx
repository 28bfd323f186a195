import { usePageTitle } from "@holdfast/web-parts";
import { DesktopPane } from "@holdfast/web-parts/desktop";
import { useRouteContext } from "@tanstack/react-router";
import { useApi } from "../api/context.ts";

/** The desktop of this server, live. */
export function DesktopScreen() {
  usePageTitle("Desktop");
  const { client } = useApi();
  const { taskPath } = useRouteContext({ from: "__root__" });
  return (
    <section className="desktop-screen">
      <h1>Desktop</h1>
      <DesktopPane
        client={client}
        scope="server"
        mayUse
        // The sandbox of a task is in a jail without a network.
        transport={taskPath === undefined ? "auto" : "frames"}
      />
    </section>
  );
}
