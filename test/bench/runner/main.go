// Command runner runs programs and says what each took, as package lap asks it to.
package main

import (
	"fmt"
	"os"

	"eic/test/bench/lap"
)

func main() {
	if err := lap.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		os.Exit(1)
	}
}
