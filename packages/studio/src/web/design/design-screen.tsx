import { KeysHelp, usePageTitle } from "@holdfast/web-parts";
import { type ReactNode, useState } from "react";
import { Colours } from "./colours.tsx";
import { Controls } from "./controls.tsx";
import { States } from "./states.tsx";
import { Type } from "./type.tsx";

/** Every part in every state, for who builds screens. */
export function DesignScreen() {
  usePageTitle("Design");
  const [keysAreOpen, setKeysAreOpen] = useState(false);
  return (
    <div className="page design-page">
      <div className="page-head">
        <h1>Design</h1>
        <button type="button" className="button" onClick={() => setKeysAreOpen(true)}>
          Keys
        </button>
      </div>
      <Part title="Colours">
        <Colours />
      </Part>
      <Part title="Type">
        <Type />
      </Part>
      <Part title="Controls">
        <Controls />
      </Part>
      <Part title="States">
        <States />
      </Part>
      {keysAreOpen && (
        <KeysHelp
          title="Keys of a list"
          keys={[
            { key: "j", text: "Next" },
            { key: "k", text: "Previous" },
            { key: "Enter", text: "Open" },
          ]}
          onClose={() => setKeysAreOpen(false)}
        />
      )}
    </div>
  );
}

function Part({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className="design-part" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
