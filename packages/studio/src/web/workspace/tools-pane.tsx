import { Empty, TabPanel, TabStrip } from "@holdfast/web-parts";
import { useState } from "react";
import { Processes, type ProcessesProps } from "./terminals/processes.tsx";
import { Terminals } from "./terminals/terminals.tsx";

/** Terminals, and what runs in the sandbox. */
export function ToolsPane({ mayWrite, onPreview }: ProcessesProps) {
  const [tab, setTab] = useState<"terminals" | "processes">("terminals");
  return (
    <div className="tools-pane">
      <TabStrip
        label="Tools"
        tabs={[
          { id: "terminals", label: "Terminals" },
          { id: "processes", label: "Processes" },
        ]}
        tab={tab}
        onChange={setTab}
      />
      <TabPanel tab={tab} className="tools-panel">
        {tab === "processes" ? (
          <Processes mayWrite={mayWrite} onPreview={onPreview} />
        ) : (
          <TerminalsOf mayWrite={mayWrite} />
        )}
      </TabPanel>
    </div>
  );
}

export function TerminalsOf({ mayWrite }: { readonly mayWrite: boolean }) {
  if (mayWrite) return <Terminals />;
  return (
    <Empty title="No terminals for viewers">
      A terminal can change everything in the sandbox, and needs the role “member”.
    </Empty>
  );
}
