// Kernels coloured by the pattern of their mask: one colour a pattern, with a legend of
// small pictures. The header names the patterns, most frequent first.

function patternColours(host, many) {
  const css = getComputedStyle(host)
  const stops = css.getPropertyValue("--st-chart-categorical-colors").split(",").map(rgb)
  const text = rgb(css.getPropertyValue("--st-text-color"))
  return Array.from({ length: many }, (_, n) => {
    const hue = stops[n % stops.length]
    const shade = 0.32 * Math.floor(n / stops.length)
    return hue.map((v, k) => Math.round(v + (text[k] - v) * shade))
  })
}

// The kept places of a kernel as bits, row by row; the same number as in the header.
function patternAt({ head, kept }, kernel) {
  const size = head.kh * head.kw
  let bits = 0
  for (let k = 0; k < size; k++) if (kept(kernel * size + k)) bits |= 1 << k
  return bits
}

function paintPatterns(parts, plan, colours) {
  const { head, kept } = parts
  const canvas = paint(parts, plan, colours, true)
  const context = canvas.getContext("2d")
  const image = context.getImageData(0, 0, plan.width, plan.height)
  const pixels = new Uint32Array(image.data.buffer)
  const packed = new Map(
    head.patterns.map(([bits], n) => {
      const [r, g, b] = colours.patterns[n]
      return [bits, ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0]
    }))
  const size = head.kh * head.kw
  for (let kernel = 0; kernel < head.o * head.i; kernel++) {
    const colour = packed.get(patternAt(parts, kernel))
    if (colour === undefined) continue
    const [x, y] = plan.at(Math.floor(kernel / head.i), kernel % head.i)
    for (let k = 0; k < size; k++) {
      if (!kept(kernel * size + k)) continue
      pixels[(y + Math.floor(k / head.kw)) * plan.width + x + (k % head.kw)] = colour
    }
  }
  context.putImageData(image, 0, 0)
  return canvas
}

// What stands right of "before": the mask over the weights, or over the patterns.
function afterPicture(view) {
  const { parts, plan, colours } = view
  if (!parts.head.masked) return view.before
  if (!view.byPattern) return paint(parts, plan, colours, true)
  colours.patterns = patternColours(view.root.host ?? view.root, parts.head.patterns.length)
  return paintPatterns(parts, plan, colours)
}

function dressPatterns(view) {
  const { head } = view.parts
  const find = (id) => view.root.querySelector(id)
  find("#patternLabel").hidden = !head.patterns.length
  const box = find("#byPattern")
  box.checked = view.byPattern
  box.onchange = () => {
    view.byPattern = box.checked
    view.after = afterPicture(view)
    view.draw()
    dressPatterns(view)
  }
  const list = find("#patterns")
  list.hidden = !view.byPattern
  list.replaceChildren(...(view.byPattern ? head.patterns.map(glyph(view)) : []))
}

function glyph(view) {
  const { head } = view.parts
  return ([bits, share], n) => {
    const item = document.createElement("span")
    item.className = "group"
    const canvas = document.createElement("canvas")
    canvas.width = canvas.height = 20
    canvas.setAttribute("aria-hidden", "true")
    const g = canvas.getContext("2d")
    const side = 20 / Math.max(head.kh, head.kw)
    for (let k = 0; k < head.kh * head.kw; k++) {
      g.fillStyle = (bits >> k) & 1
        ? `rgb(${view.colours.patterns[n]})`
        : view.colours.prunedCss
      g.fillRect((k % head.kw) * side, Math.floor(k / head.kw) * side, side - 1, side - 1)
    }
    item.append(canvas, ` ${share}`)
    return item
  }
}
