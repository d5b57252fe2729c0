/** Attributes by name; undefined leaves one out. */
type Attributes = Readonly<Record<string, string | undefined>>;

/** An element of HTML. What is text stays text: nothing is ever parsed. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  return furnished(made, attributes, children);
}

/** An element of SVG. */
export function drawing<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  return furnished(made, attributes, children);
}

/**
 * A place from the left, and perhaps a width, as shares of 1. By way of the style object: the page's policy allows no style attributes.
 */
export function placed<Made extends HTMLElement>(made: Made, left: number, width?: number): Made {
  made.style.left = percent(left);
  if (width !== undefined) made.style.width = percent(width);
  return made;
}

function furnished<Made extends Element>(
  made: Made,
  attributes: Attributes,
  children: readonly (Node | string)[],
): Made {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function percent(share: number): string {
  return `${(Math.min(1, Math.max(0, share)) * 100).toFixed(3)}%`;
}
