import "./organization-menu.css";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { Link } from "@tanstack/react-router";
import { type FocusEvent, type KeyboardEvent, useRef } from "react";
import { currentOrganization, openOrganization, pathIn } from "../shared/organizations/current.ts";
import { useOrganizations } from "../shared/organizations/queries.ts";

/** Switches between the organizations of a person. Nothing is shown to those who have one. */
export function OrganizationMenu() {
  const menu = useRef<HTMLDetailsElement>(null);
  const organizations = useOrganizations();
  if (organizations.length < 2) return null;
  const here = organizations.find(({ id }) => id === currentOrganization());
  const close = () => {
    if (menu.current !== null) menu.current.open = false;
  };
  const blur = ({ currentTarget, relatedTarget }: FocusEvent) => {
    if (!currentTarget.contains(relatedTarget)) close();
  };
  const press = ({ key }: KeyboardEvent) => {
    if (key !== "Escape" || menu.current?.open !== true) return;
    close();
    menu.current.querySelector("summary")?.focus();
  };
  return (
    <details ref={menu} className="organization-menu" onBlur={blur} onKeyDown={press}>
      <summary>
        <span className="visually-hidden">Organization: </span>
        <span className="organization-name">{visibleText(here?.name ?? "Choose an organization")}</span>
      </summary>
      <ul>
        {organizations.map(({ id, name }) => (
          <li key={id}>
            <a
              href={pathIn(id)}
              aria-current={id === here?.id}
              onClick={(event) => {
                if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                event.preventDefault();
                openOrganization(id);
              }}
            >
              {visibleText(name)}
            </a>
          </li>
        ))}
        <li>
          <Link to="/settings/organization" onClick={close}>
            Manage organizations
          </Link>
        </li>
      </ul>
    </details>
  );
}
