import type { DesktopApp, DesktopLaunchRequest, SandboxAgent } from "@holdfast/sandbox-client";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useMutation, useQuery } from "@tanstack/react-query";
import { splitCommand } from "../sandbox/index.ts";
import { useAnnounce } from "../ui/announcer.tsx";
import { ErrorNotice } from "../ui/notice.tsx";
import { LaunchForm } from "./launch-form.tsx";

/** Starts an installed application or any program on the desktop, or opens an address or a file with the program for it. */
export function Launch({
  client,
  scope,
  onChange,
}: {
  readonly client: SandboxAgent;
  readonly scope: string;
  /** A window may have opened. */
  readonly onChange: () => void;
}) {
  const announce = useAnnounce();
  const { data: apps = [], error } = useQuery({
    queryKey: ["desktop", scope, "apps"],
    queryFn: async () => (await client.listDesktopApps()).apps,
  });
  const launch = async (request: DesktopLaunchRequest) => {
    const { windowId } = await client.launchDesktopApp({ ...request, wait: true });
    announce(windowId ? "The window of the program is open." : "The program runs, without a window so far.");
  };
  const application = useMutation({
    mutationFn: async (chosen: string) => {
      const found = apps.find((each) => optionValue(each) === chosen);
      if (found === undefined) throw new Error("The application is no longer installed.");
      await launch({ app: found.app, args: found.args });
    },
    onSettled: onChange,
  });
  const program = useMutation({
    mutationFn: async (line: string) => {
      const words = splitCommand(line);
      if (words === undefined) throw new Error("A quote is not closed.");
      const [app = "", ...args] = words;
      await launch({ app, args });
    },
    onSettled: onChange,
  });
  const target = useMutation({
    mutationFn: async (text: string) => {
      await client.openDesktopTarget({ target: text.trim() });
      announce("The program for it has been started.");
    },
    onSettled: onChange,
  });
  return (
    <>
      {error !== null && <ErrorNotice error={error} title="The applications could not be listed." />}
      <div className="desktop-forms">
        {apps.length > 0 && (
          <LaunchForm
            label="Application"
            button="Launch"
            work={application}
            options={apps.map((each) => ({ value: optionValue(each), text: visibleText(each.name) }))}
          />
        )}
        <LaunchForm label="Program" button="Run" work={program} placeholder="xterm -e top" />
        <LaunchForm label="Address or file" button="Open" work={target} placeholder="https://example.com" />
      </div>
    </>
  );
}

function optionValue({ name, app, args }: DesktopApp): string {
  return JSON.stringify([name, app, ...args]);
}
