// Pointer, wheel, keyboard and buttons of the mosaic; each run assigns its handlers
// anew, so that repeated runs never stack them.

function pointer(view) {
  const { canvas } = view
  const local = (event) => {
    const box = canvas.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId)
    view.drag = { at: local(event), x: view.x, y: view.y, moved: false }
  }
  canvas.onpointermove = (event) => {
    const [px, py] = local(event)
    if (view.drag) {
      const dx = px - view.drag.at[0]
      const dy = py - view.drag.at[1]
      if (Math.abs(dx) + Math.abs(dy) > 4) view.drag.moved = true
      if (!view.drag.moved) return
      view.x = view.drag.x + dx
      view.y = view.drag.y + dy
      view.fitted = false
    } else {
      view.cursor = view.hit(px, py)
      view.say(view.cursor)
    }
    view.draw()
  }
  canvas.onpointerup = (event) => {
    // A button that went down elsewhere picks nothing, even where the page has moved.
    if (!view.drag) return
    const { moved } = view.drag
    view.drag = null
    if (!moved) pick(view, view.hit(...local(event)))
  }
  canvas.onpointerleave = () => {
    if (view.drag) return
    view.cursor = null
    view.say(null)
    view.draw()
  }
  canvas.ondblclick = (event) => view.zoom(2.5, ...local(event))
  canvas.onwheel = (event) => {
    const focused = canvas.getRootNode().activeElement === canvas
    if (!focused && !event.ctrlKey) return
    event.preventDefault()
    view.zoom(Math.exp(-event.deltaY * 0.0016), ...local(event))
  }
}

function pick(view, spot) {
  if (!spot) return
  view.picked = spot
  view.draw()
  view.emit({ o: view.parts.head.firstO + spot.f, i: view.parts.head.firstI + spot.c })
}

function keyboard(view) {
  const centre = () => [view.width / 2, view.height / 2]
  const follow = () => {
    const [x, y] = view.plan.at(view.cursor.f, view.cursor.c)
    const px = view.x + x * view.scale
    const py = view.y + y * view.scale
    const size = view.plan.pw * view.scale
    if (px < 40) view.x += 40 - px
    if (py < 24) view.y += 24 - py
    if (px + size > view.width) view.x -= px + size - view.width + 8
    if (py + size > view.height) view.y -= py + size - view.height + 8
  }
  const moves = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
  }
  view.canvas.onkeydown = (event) => {
    const { head } = view.parts
    if (event.key in moves) {
      const [df, dc] = moves[event.key]
      const from = view.cursor ?? view.picked ?? { f: 0, c: 0, r: 0, s: 0 }
      view.cursor = {
        ...from,
        f: Math.min(Math.max(from.f + df, 0), head.o - 1),
        c: Math.min(Math.max(from.c + dc, 0), head.i - 1),
      }
      follow()
      view.say(view.cursor)
      view.draw()
    } else if (event.key === "+" || event.key === "=") view.zoom(1.4, ...centre())
    else if (event.key === "-") view.zoom(1 / 1.4, ...centre())
    else if (event.key === "0") view.fit()
    else if (event.key === "Enter") pick(view, view.cursor)
    else return
    event.preventDefault()
  }
}

function buttons(view) {
  const find = (id) => view.root.querySelector(id)
  const centre = () => [view.width / 2, view.height / 2]
  find("#in").onclick = () => view.zoom(1.6, ...centre())
  find("#out").onclick = () => view.zoom(1 / 1.6, ...centre())
  find("#fit").onclick = () => view.fit()
  find("#wipe").oninput = (event) => {
    view.wipe = Number(event.target.value)
    view.draw()
  }
  find("#png").onclick = () => {
    const link = document.createElement("a")
    link.download = `${view.parts.head.layer}-kernels.png`
    link.href = view.canvas.toDataURL("image/png")
    link.click()
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  let view = views.get(parentElement)
  if (!view) {
    view = new View(parentElement)
    views.set(parentElement, view)
  }
  view.load(data, (spot) => setStateValue("picked", spot))
  pointer(view)
  keyboard(view)
  buttons(view)
  view.watch?.disconnect()
  view.watch = new ResizeObserver(() => {
    view.resize()
    view.fitted ? view.fit() : view.draw()
  })
  view.watch.observe(view.canvas)
  return () => view.watch.disconnect()
}
