import { ErrorNotice } from "@holdfast/web-parts";
import { inboxKinds } from "../../contract/inbox.ts";
import type { InboxKind, NotificationChannel } from "../../contract.ts";
import { useSellsPlans } from "../shared/people.ts";
import { Section, type SectionProps } from "./parts.tsx";
import { useChoice, useNotificationChange } from "./queries.ts";
import { channelNames, kindNames } from "./words.ts";

const channels = Object.keys(channelNames) as NotificationChannel[];

/** Which kinds go where. */
export function Kinds({ person, view }: SectionProps) {
  const { choices, own } = view;
  const { kinds } = choices;
  const choose = useChoice(person);
  const reset = useNotificationChange(person, (notifications, _input: undefined) => notifications.reset());
  const sells = useSellsPlans() === true;
  const shown = inboxKinds.filter((kind) => kind !== "payment" || sells);
  const toggle = (channel: NotificationChannel, kind: InboxKind, isOn: boolean) => {
    const next = inboxKinds.filter((each) => (each === kind ? isOn : kinds[channel].includes(each)));
    choose.mutate({ kinds: { ...kinds, [channel]: next } });
  };
  return (
    <Section title="What is delivered">
      <div className="kinds-scroll">
        <table className="kinds">
          <thead>
            <tr>
              <td />
              {channels.map((channel) => (
                <th key={channel} scope="col">
                  {channelNames[channel]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((kind) => (
              <tr key={kind}>
                <th scope="row">{kindNames[kind]}</th>
                {channels.map((channel) => (
                  <td key={channel}>
                    <label>
                      <span className="visually-hidden">
                        {kindNames[kind]}: {channelNames[channel]}
                      </span>
                      <input
                        type="checkbox"
                        checked={kinds[channel].includes(kind)}
                        disabled={choose.isPending}
                        onChange={(event) => toggle(channel, kind, event.target.checked)}
                      />
                    </label>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {choose.isError && <ErrorNotice error={choose.error} title="The choice was not saved." />}
      {own.length > 0 && (
        <div className="notification-buttons">
          <button
            type="button"
            className="button button-small"
            disabled={reset.isPending}
            onClick={() => reset.mutate(undefined)}
          >
            Take the defaults
          </button>
          <span className="muted small">for this table, the delay of mails and the quiet hours</span>
        </div>
      )}
    </Section>
  );
}
