import {
  AskButton,
  CheckIcon,
  ConfirmButton,
  CopyButton,
  PlusIcon,
  RefreshIcon,
  TabPanel,
  TabStrip,
  TrashIcon,
} from "@holdfast/web-parts";
import { useState } from "react";

const tabs = [
  { id: "design-one", label: "One" },
  { id: "design-two", label: "Two", count: 3 },
  { id: "design-three", label: "Three", mark: "!" },
] as const;

export function Controls() {
  const [tab, setTab] = useState<(typeof tabs)[number]["id"]>("design-one");
  return (
    <>
      <div className="design-row">
        <button type="button" className="button button-primary">
          <PlusIcon />
          Primary
        </button>
        <button type="button" className="button">
          Plain
        </button>
        <button type="button" className="button" disabled>
          Disabled
        </button>
        <button type="button" className="button button-stop">
          Dangerous
        </button>
        <button type="button" className="button button-small">
          Small
        </button>
        <button type="button" className="icon-button" aria-label="Read again">
          <RefreshIcon />
        </button>
        <button type="button" className="link-button">
          Like a link
        </button>
        <CopyButton text="npx holdfast start" label="Copy the command" />
      </div>
      <div className="design-row">
        <ConfirmButton
          className="button button-stop"
          label={
            <>
              <TrashIcon />
              Delete
            </>
          }
          title="Delete nothing?"
          confirmLabel="Delete"
          onConfirm={() => Promise.resolve()}
        >
          A dialog names the effect, and whether it can be undone.
        </ConfirmButton>
        <AskButton
          className="button"
          label="Rename"
          title="Rename nothing"
          field="Name"
          confirmLabel="Rename"
          onConfirm={() => Promise.resolve()}
        />
      </div>
      <div className="design-row">
        <label className="field">
          Field
          <input placeholder="A hint" />
        </label>
        <label className="field">
          Wrong
          <input aria-invalid="true" defaultValue="not a name" />
        </label>
        <label className="field">
          Choice
          <select>
            <option>First</option>
            <option>Second</option>
          </select>
        </label>
        <label className="design-check">
          <input type="checkbox" defaultChecked /> Chosen
        </label>
      </div>
      <TabStrip label="Example" tabs={tabs} tab={tab} onChange={setTab} />
      <TabPanel tab={tab} className="design-panel">
        <CheckIcon /> The panel of {tab.replace("design-", "")}
      </TabPanel>
    </>
  );
}
