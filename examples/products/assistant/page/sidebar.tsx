/** The conversations of the person, their reminders, and their memory. */
import type { Overview } from "../person.ts";
import type { Session } from "../sign-in/sessions.ts";
import { fromNow } from "./client.ts";
import { Icon } from "./icons.tsx";

interface SidebarProps {
  readonly user: Session;
  readonly model: string;
  readonly openId: string;
  readonly state: Overview;
  /** On a narrow screen it lies over the conversation. */
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onStart: () => void;
  readonly onMemory: () => void;
  readonly onSignOut: () => void;
  readonly removeReminder: (id: string) => void;
}

export function Sidebar(props: SidebarProps) {
  const { user, model, openId, state, isOpen, onClose } = props;
  const upcoming = state.reminders.filter(({ isDue }) => !isDue);
  return (
    <>
      {isOpen && <button type="button" className="shade" aria-label="Close the list" onClick={onClose} />}
      <aside className="sidebar" data-open={isOpen} aria-label="Your assistant">
        <p className="brand">
          <span className="logo" aria-hidden="true" /> Assistant
        </p>
        <button type="button" className="wide" onClick={props.onStart}>
          <Icon name="plus" /> New conversation
        </button>
        <nav aria-label="Conversations">
          {state.conversations.length === 0 && <p className="soft">No conversations yet</p>}
          <ul>
            {state.conversations.map(({ id, title }) => (
              <li key={id}>
                <a href={`#${id}`} aria-current={id === openId ? "page" : undefined} onClick={onClose}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        {upcoming.length > 0 && (
          <section aria-label="Reminders">
            <h2>Reminders</h2>
            <ul>
              {upcoming.map(({ id, text, dueAt }) => (
                <li key={id} className="reminder">
                  <span>
                    {text} <small>{fromNow(dueAt)}</small>
                  </span>
                  <button
                    type="button"
                    className="plain"
                    aria-label={`Delete the reminder: ${text}`}
                    onClick={() => props.removeReminder(id)}
                  >
                    <Icon name="close" />
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
        <button type="button" className="wide" onClick={props.onMemory}>
          <Icon name="brain" /> Memory <span className="count">{state.memories.length}</span>
        </button>
        <div className="person">
          <span className="avatar" aria-hidden="true">
            {user.name.slice(0, 1).toUpperCase()}
          </span>
          <span>
            {user.name} <small>{model === "demo" ? "demo model" : model}</small>
          </span>
          <button type="button" className="plain" aria-label="Sign out" onClick={props.onSignOut}>
            <Icon name="signOut" />
          </button>
        </div>
      </aside>
    </>
  );
}
