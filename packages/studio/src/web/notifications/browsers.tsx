import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice, TimeAgo, WarningIcon } from "@holdfast/web-parts";
import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import type { NotificationDevice } from "../../contract.ts";
import { installOffer } from "../shared/browser/installed.ts";
import { useApi } from "../shared/context.ts";
import { Section, type SectionProps, TestButton } from "./parts.tsx";
import { useNotificationChange } from "./queries.ts";
import {
  type BrowserState,
  readThisBrowser,
  subscribeThisBrowser,
  unsubscribeThisBrowser,
} from "./this-browser.ts";

/** Browsers that show notifications, and this one among them. */
export function Browsers({ person, view }: SectionProps) {
  const { devices, pushKey } = view;
  const [ownId, setOwnId] = [readOwnDevice(), writeOwnDevice];
  const api = useApi();
  const queries = useQueryClient();
  const key = ["this-browser", pushKey];
  const browser = useQuery({ queryKey: key, queryFn: () => readThisBrowser(pushKey) });
  const own = browser.data?.state === "on" ? devices.find(({ id }) => id === ownId) : undefined;
  const hasEnded = ownId !== null && !devices.some(({ id }) => id === ownId);
  const turnOn = useMutation({
    async mutationFn() {
      // The browser would give the subscription that its push service has ended.
      if (hasEnded) await unsubscribeThisBrowser();
      const added = await api.notifications(person).addDevice(await subscribeThisBrowser(pushKey));
      setOwnId(added.id);
    },
    async onSettled() {
      await refetchActive(queries, key);
      await refetchActive(queries, ["notifications", person]);
    },
  });
  // Subscribed, but unknown to the server: it was removed there, or has another person's.
  const state = browser.data?.state === "on" && own === undefined ? "off" : browser.data?.state;
  return (
    <Section title="Browsers">
      {state === "off" && hasEnded && (
        <p className="field-warning">
          <WarningIcon />
          <span>
            Notifications of this browser have ended: its push service gave up the subscription, or somebody
            removed this browser elsewhere. Turn them on again to get them here.
          </span>
        </p>
      )}
      {state !== undefined && (
        <ThisBrowser state={state} isPending={turnOn.isPending} onTurnOn={() => turnOn.mutate()} />
      )}
      <InstallButton />
      {turnOn.isError && <ErrorNotice error={turnOn.error} title="Notifications are not on." />}
      {devices.length > 0 && (
        <ul className="rows" aria-label="Browsers that show notifications">
          {devices.map((device) => (
            <DeviceRow key={device.id} person={person} device={device} isThis={device.id === own?.id} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function ThisBrowser({
  state,
  isPending,
  onTurnOn,
}: {
  readonly state: BrowserState;
  readonly isPending: boolean;
  readonly onTurnOn: () => void;
}) {
  switch (state) {
    case "on":
      return <p className="muted">This browser shows notifications, also while the Studio is closed.</p>;
    case "off":
      return (
        <div className="notification-buttons">
          <button type="button" className="button button-primary" disabled={isPending} onClick={onTurnOn}>
            {isPending ? "Turning on…" : "Turn on in this browser"}
          </button>
        </div>
      );
    case "denied":
      return (
        <p className="muted">
          This browser blocks notifications of this site. Allow them in the settings of the site, beside its
          address, and reload.
        </p>
      );
    case "needs-install":
      return (
        <p className="muted">
          On this device, add the Studio to the home screen first: Share, then Add to Home Screen. Open it
          there and come back to this page.
        </p>
      );
    case "unsupported":
      return (
        <p className="muted">
          This browser cannot show notifications here. It needs an encrypted address (https), or the machine
          that the Studio runs on.
        </p>
      );
  }
}

/** Only where the browser offers it. Nothing asks for it elsewhere. */
function InstallButton() {
  const offer = useSyncExternalStore(installOffer.subscribe, installOffer.get);
  if (offer === undefined) return null;
  return (
    <div className="notification-buttons">
      <button type="button" className="button" onClick={() => void offer.prompt()}>
        Install as an app
      </button>
    </div>
  );
}

function DeviceRow({
  person,
  device,
  isThis,
}: {
  readonly person: string;
  readonly device: NotificationDevice;
  readonly isThis: boolean;
}) {
  const remove = useNotificationChange(person, async (notifications, _input: undefined) => {
    await notifications.removeDevice(device.id);
    if (!isThis) return;
    forgetOwnDevice();
    await unsubscribeThisBrowser();
  });
  const name = visibleText(device.name);
  return (
    <li className="row notification-row">
      <div className="row-main">
        <p className="row-title">
          {name} {isThis && <span className="tag">This browser</span>}
        </p>
        <p className="muted">
          {device.deliveredAt === undefined ? (
            <>
              Added <TimeAgo at={device.addedAt} />
            </>
          ) : (
            <>
              Last notified <TimeAgo at={device.deliveredAt} />
            </>
          )}
        </p>
        {device.error !== undefined && <p className="test-failed">{visibleText(device.error)}</p>}
      </div>
      <div className="notification-buttons">
        <TestButton person={person} channel="push" device={device.id} label={name} />
        <ConfirmButton
          className="button button-small button-stop"
          label="Remove"
          accessibleLabel={`Remove ${name}`}
          title={`Remove ${name}?`}
          confirmLabel="Remove"
          onConfirm={() => remove.mutateAsync(undefined)}
        >
          <p>It shows no notifications any more. You can turn them on again on it.</p>
        </ConfirmButton>
      </div>
    </li>
  );
}

const ownDeviceKey = "holdfast.notification-device";

/** Which of the devices this browser is. */
function readOwnDevice(): string | null {
  try {
    return localStorage.getItem(ownDeviceKey);
  } catch {
    return null;
  }
}

function forgetOwnDevice(): void {
  try {
    localStorage.removeItem(ownDeviceKey);
  } catch {
    // As below.
  }
}

function writeOwnDevice(id: string): void {
  try {
    localStorage.setItem(ownDeviceKey, id);
  } catch {
    // Storage may be forbidden. The list then does not mark this browser.
  }
}
