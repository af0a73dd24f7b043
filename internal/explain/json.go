package explain

import (
	"encoding/json"
	"fmt"
	"io"

	"eic/internal/printable"
)

// WriteJSON writes the Explanation as one indented JSON object. The output is safe for a
// terminal: unprintable characters are written as \uXXXX.
func (r Explanation) WriteJSON(w io.Writer) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err = io.WriteString(w, printable.JSON(string(text))+"\n")
	return err
}
