// Kernel mosaic: int8 weights on a canvas, one zoom from a whole layer to numbers.
// Data: [u32 length][JSON header][int8 weights, OIHW][mask bits, 1 = keep]. One pixel
// of the off-screen picture is one weight; drawing is a scaled copy of it.

const views = new WeakMap()
const NUMBERS_PX = 28
const HATCH_PX = 5
const LABEL_PX = 64
const MARGIN = { left: 40, top: 20 }

function unpack(bytes) {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = data.getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const count = head.o * head.i * head.kh * head.kw
  const start = 4 + length
  const weights = new Int8Array(bytes.buffer, bytes.byteOffset + start, count)
  const bits = head.masked ? bytes.subarray(start + count) : null
  const kept = (n) => !bits || (bits[n >> 3] >> (7 - (n & 7))) & 1
  return { head, weights, kept }
}

// Where kernel (o, i) starts, in off-screen pixels. One filter a row and one input
// channel a column when that has a readable shape; otherwise filters are wrapped.
function arrange({ o, i, kh, kw }, wanted) {
  const gap = kh * kw > 1 ? 1 : 0
  const pw = kw + gap
  const ph = kh + gap
  const matrix = (i * pw) / (o * ph)
  let columns = 1
  let across = i
  if (matrix < 0.35) columns = Math.ceil(Math.sqrt((wanted * o * ph) / (i * pw)))
  if (matrix > 8) across = Math.ceil(Math.sqrt((i * o * ph * wanted) / pw))
  columns = Math.min(columns, o)
  across = Math.min(across, i)
  const down = Math.ceil(i / across)
  const plain = columns === 1 && down === 1
  const space = plain ? 0 : Math.max(2, kw)
  const bw = across * pw + space
  const bh = down * ph + space
  const rows = Math.ceil(o / columns)
  return {
    pw, ph, plain, space, bw, bh, across, columns,
    width: columns * bw - space,
    height: rows * bh - space,
    at: (f, c) => [
      (f % columns) * bw + (c % across) * pw,
      Math.floor(f / columns) * bh + Math.floor(c / across) * ph,
    ],
    find(x, y) {
      const f = Math.floor(y / bh) * columns + Math.floor(x / bw)
      const inX = x - Math.floor(x / bw) * bw
      const inY = y - Math.floor(y / bh) * bh
      const c = Math.floor(inY / ph) * across + Math.floor(inX / pw)
      if (x < 0 || y < 0 || Math.floor(x / bw) >= columns) return null
      if (Math.floor(inX / pw) >= across || f >= o || c >= i) return null
      const r = Math.floor(inY % ph)
      const s = Math.floor(inX % pw)
      return { f, c, r: Math.min(r, kh - 1), s: Math.min(s, kw - 1) }
    },
  }
}

function rgb(text) {
  const hex = text.trim().replace("#", "")
  const full = hex.length === 3 ? [...hex].map((x) => x + x).join("") : hex
  return [0, 2, 4].map((n) => parseInt(full.slice(n, n + 2), 16) || 0)
}

function palette(host) {
  const css = getComputedStyle(host)
  const get = (name) => css.getPropertyValue(name).trim()
  const stops = get("--st-chart-diverging-colors").split(",").map(rgb)
  const paper = rgb(get("--st-background-color"))
  const middle = Math.floor(stops.length / 2)
  stops.splice(middle, 0, paper)
  const table = new Uint32Array(256)
  for (let q = -127; q <= 127; q++) {
    const t = ((q + 127) / 254) * (stops.length - 1)
    const n = Math.min(Math.floor(t), stops.length - 2)
    const mix = stops[n].map((v, k) => Math.round(v + (stops[n + 1][k] - v) * (t - n)))
    table[q & 255] = (255 << 24) | (mix[2] << 16) | (mix[1] << 8) | mix[0]
  }
  const gray = rgb(get("--st-gray-color"))
  const soft = gray.map((v, k) => Math.round(v * 0.26 + paper[k] * 0.74))
  return {
    table,
    pruned: (255 << 24) | (soft[2] << 16) | (soft[1] << 8) | soft[0],
    prunedCss: `rgb(${soft})`,
    hatch: get("--st-gray-color"),
    text: get("--st-text-color"),
    accent: get("--st-primary-color"),
    paper: get("--st-background-color"),
    panel: get("--st-secondary-background-color"),
    font: get("--st-font"),
  }
}

function paint(parts, plan, colours, withMask) {
  const { head, weights, kept } = parts
  const canvas = document.createElement("canvas")
  canvas.width = plan.width
  canvas.height = plan.height
  const context = canvas.getContext("2d")
  const image = context.createImageData(plan.width, plan.height)
  const pixels = new Uint32Array(image.data.buffer)
  let n = 0
  for (let f = 0; f < head.o; f++) {
    for (let c = 0; c < head.i; c++) {
      const [x, y] = plan.at(f, c)
      for (let r = 0; r < head.kh; r++) {
        let p = (y + r) * plan.width + x
        for (let s = 0; s < head.kw; s++, n++, p++) {
          pixels[p] = withMask && !kept(n) ? colours.pruned : colours.table[weights[n] & 255]
        }
      }
    }
  }
  context.putImageData(image, 0, 0)
  return canvas
}

function value(parts, n) {
  const { head, weights } = parts
  const q = weights[n]
  const text = (q * head.step).toFixed(head.digits)
  const sign = q >= 127 ? ">" : q <= -127 ? "<" : ""
  return sign + text.replace("-", "\u2212")
}

class View {
  constructor(root) {
    this.root = root
    this.canvas = root.querySelector("#view")
    this.wipe = 100
    this.byPattern = false
    this.cursor = null
    this.picked = null
    this.drag = null
    this.shape = ""
  }

  load(bytes, emit) {
    this.emit = emit
    this.parts = unpack(bytes)
    const { head } = this.parts
    this.colours = palette(this.root.host ?? this.root)
    this.plan = arrange(head, 2.2)
    this.before = paint(this.parts, this.plan, this.colours, false)
    this.byPattern = this.byPattern && head.patterns.length > 0
    this.after = afterPicture(this)
    const shape = [head.layer, head.o, head.i, head.kh, head.kw].join()
    this.canvas.style.height = `${head.height}px`
    this.canvas.setAttribute("aria-label", head.alt)
    this.resize()
    if (shape !== this.shape) {
      this.shape = shape
      this.picked = head.picked
      this.cursor = null
      this.fit()
    } else this.draw()
    this.dress()
  }

  resize() {
    const ratio = window.devicePixelRatio || 1
    const box = this.canvas.getBoundingClientRect()
    this.width = Math.max(box.width, 50)
    this.height = this.parts.head.height
    this.canvas.width = Math.round(this.width * ratio)
    this.canvas.height = Math.round(this.height * ratio)
    this.ratio = ratio
  }

  fit() {
    const { left, top } = MARGIN
    const w = this.width - left - 12
    const h = this.height - top - 10
    this.scale = Math.min(w / this.plan.width, h / this.plan.height, 90)
    this.x = left + Math.max(0, (w - this.plan.width * this.scale) / 2)
    this.y = top + Math.max(0, (h - this.plan.height * this.scale) / 2)
    this.fitted = true
    this.draw()
    this.say(this.cursor)
  }

  zoom(factor, px, py) {
    const next = Math.min(Math.max(this.scale * factor, 0.05), 160)
    const f = next / this.scale
    this.x = px - (px - this.x) * f
    this.y = py - (py - this.y) * f
    this.scale = next
    this.fitted = false
    this.draw()
    this.say(this.cursor)
  }

  hit(px, py) {
    return this.plan.find((px - this.x) / this.scale, (py - this.y) / this.scale)
  }

  draw() {
    const g = this.canvas.getContext("2d")
    const { plan, scale } = this
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0)
    g.clearRect(0, 0, this.width, this.height)
    g.imageSmoothingQuality = "high"
    const edge = (this.width * this.wipe) / 100
    const copy = (picture, from, to) => {
      if (to <= from) return
      g.save()
      g.beginPath()
      g.rect(from, 0, to - from, this.height)
      g.clip()
      const near = !far(this)
      const shown = near ? picture : overview(this, picture, picture === this.after)
      g.imageSmoothingEnabled = near && scale < 1
      g.drawImage(shown, this.x, this.y, plan.width * scale, plan.height * scale)
      g.restore()
    }
    copy(this.after, 0, edge)
    copy(this.before, edge, this.width)
    if (scale >= HATCH_PX) this.details(g, edge)
    this.labels(g)
    this.outline(g, this.picked, this.colours.accent, 3)
    this.outline(g, this.cursor, this.colours.text, 1.5)
    if (edge > 0 && edge < this.width) {
      g.strokeStyle = this.colours.accent
      g.lineWidth = 2
      g.beginPath()
      g.moveTo(edge, 0)
      g.lineTo(edge, this.height)
      g.stroke()
    }
  }

  visible() {
    const { head } = this.parts
    const { plan, scale } = this
    const list = []
    const f0 = Math.max(0, Math.floor(-this.y / scale / plan.bh))
    const f1 = Math.ceil((this.height - this.y) / scale / plan.bh)
    for (let row = f0; row < f1; row++) {
      for (let col = 0; col < plan.columns; col++) {
        const f = row * plan.columns + col
        if (f >= head.o) continue
        for (let c = 0; c < head.i; c++) {
          const [x, y] = plan.at(f, c)
          const px = this.x + x * scale
          const py = this.y + y * scale
          if (px > this.width || px + plan.pw * scale < 0) continue
          if (py > this.height || py + plan.ph * scale < 0) continue
          list.push([f, c, px, py])
        }
      }
    }
    return list
  }

  details(g, edge) {
    const { head, weights, kept } = this.parts
    const { scale } = this
    const numbers = scale >= NUMBERS_PX
    g.textAlign = "center"
    g.textBaseline = "middle"
    g.font = `${Math.min(15, scale / 2.9)}px ${this.colours.font}`
    g.lineWidth = 1
    const size = head.kh * head.kw
    for (const [f, c, px, py] of this.visible()) {
      for (let k = 0; k < size; k++) {
        const n = (f * head.i + c) * size + k
        const x = px + (k % head.kw) * scale
        const y = py + Math.floor(k / head.kw) * scale
        const gone = x + scale / 2 < edge && !kept(n)
        if (gone) this.hatch(g, x, y, scale)
        else if (numbers) {
          const deep = Math.abs(weights[n]) > 76
          const onColour = this.byPattern ? x + scale / 2 < edge : deep
          g.fillStyle = onColour ? this.strong() : this.colours.text
          g.fillText(value(this.parts, n), x + scale / 2, y + scale / 2)
        }
      }
    }
  }

  // Deep ends of the scale are dark in the light theme and bright in the dark one.
  strong() {
    return this.colours.paper
  }

  hatch(g, x, y, size) {
    g.strokeStyle = this.colours.hatch
    g.beginPath()
    g.moveTo(x + size * 0.25, y + size * 0.75)
    g.lineTo(x + size * 0.75, y + size * 0.25)
    g.stroke()
  }

  labels(g) {
    const { head } = this.parts
    const { plan, scale } = this
    g.fillStyle = this.colours.text
    g.font = `11px ${this.colours.font}`
    if (plan.plain) {
      this.margins(g)
      g.fillStyle = this.colours.text
      const step = (pitch) => {
        const raw = 34 / (pitch * scale)
        return [1, 2, 4, 8, 16, 32, 64, 128, 256].find((n) => n >= raw) ?? 512
      }
      g.textBaseline = "middle"
      g.textAlign = "right"
      for (let f = 0; f < head.o; f += step(plan.ph)) {
        const y = this.y + (f * plan.ph + head.kh / 2) * scale
        if (y > MARGIN.top && y < this.height) {
          g.fillText(head.firstO + f, Math.max(this.x - 5, 34), y)
        }
      }
      g.textAlign = "left"
      g.fillText("filter \u2193", 4, 9)
      const columns = "channel \u2192"
      const untitled = this.width - g.measureText(columns).width - 24
      g.fillText(columns, untitled + 18, 9)
      g.textAlign = "center"
      for (let c = 0; c < head.i; c += step(plan.pw)) {
        const x = this.x + (c * plan.pw + head.kw / 2) * scale
        const y = Math.max(this.y - 9, 9)
        const besideTitle = y < 20 && (x < 50 || x > untitled)
        if (x > MARGIN.left && !besideTitle) g.fillText(head.firstI + c, x, y)
      }
    } else if (plan.bw * scale >= LABEL_PX && plan.space * scale >= 12) {
      g.textAlign = "left"
      g.textBaseline = "alphabetic"
      for (let f = 0; f < head.o; f++) {
        const [x, y] = plan.at(f, 0)
        g.fillText(`filter ${head.firstO + f}`, this.x + x * scale, this.y + y * scale - 4)
      }
    }
  }

  // Paper under the numbers of the axes, once the picture reaches below them.
  margins(g) {
    g.fillStyle = this.colours.panel
    if (this.x < MARGIN.left) g.fillRect(0, 0, MARGIN.left - 2, this.height)
    if (this.y < MARGIN.top) g.fillRect(0, 0, this.width, MARGIN.top - 2)
  }

  outline(g, spot, colour, width) {
    if (!spot) return
    const [x, y] = this.plan.at(spot.f, spot.c)
    const { kh, kw } = this.parts.head
    g.strokeStyle = colour
    g.lineWidth = width
    const half = width / 2
    g.strokeRect(
      this.x + x * this.scale - half, this.y + y * this.scale - half,
      kw * this.scale + width, kh * this.scale + width)
  }

  say(spot) {
    const { head, kept } = this.parts
    const status = this.root.querySelector("#status")
    if (!spot) {
      status.textContent = head.summary + (far(this) ? FAR_TEXT : "")
      return
    }
    const n = ((spot.f * head.i + spot.c) * head.kh + spot.r) * head.kw + spot.s
    const place = head.kh * head.kw > 1 ? `, row ${spot.r}, column ${spot.s}` : ""
    const state = !head.masked ? "" : kept(n) ? " (kept)" : " (pruned)"
    status.textContent =
      `filter ${head.firstO + spot.f}, channel ${head.firstI + spot.c}${place}: ` +
      `weight \u2248 ${value(this.parts, n)}${state}`
  }

  dress() {
    const { head } = this.parts
    const find = (id) => this.root.querySelector(id)
    find("#low").textContent = `\u2212${head.clip}`
    find("#high").textContent = `+${head.clip}`
    find("#wipeLabel").hidden = !head.masked
    find("#pruned").hidden = !head.masked
    const g = find("#scale").getContext("2d")
    const strip = g.createImageData(120, 12)
    const pixels = new Uint32Array(strip.data.buffer)
    for (let p = 0; p < pixels.length; p++) {
      pixels[p] = this.colours.table[Math.round(((p % 120) / 119) * 254 - 127) & 255]
    }
    g.putImageData(strip, 0, 0)
    const swatch = find("#swatch").getContext("2d")
    swatch.fillStyle = this.colours.prunedCss
    swatch.fillRect(0, 0, 14, 12)
    this.hatch(swatch, 0, 0, 13)
    dressPatterns(this)
    this.say(this.cursor)
  }
}
